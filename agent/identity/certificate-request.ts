import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { bitString, oid, pem, sequence, set, smallInteger, tagged, utf8 } from './der.ts';

const OID = {
  /** RFC 5280, appendix A.1. */
  organization: '2.5.4.10',
  commonName: '2.5.4.3',
  /** RFC 5758, section 3.2. */
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

const attribute = (type: string, value: string): Buffer => set(sequence(oid(type), utf8(value)));

/**
 * A PKCS#10 request (RFC 2986) for O=fleetId, CN=hostId, signed with the host's P-256 key, PEM.
 * It asks for no extensions: which ones a certificate gets is for the fleet's CA to decide.
 */
export function certificateRequest(key: KeyObject, hostId: string, fleetId: string): string {
  const subject = sequence(attribute(OID.organization, fleetId), attribute(OID.commonName, hostId));
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const info = sequence(smallInteger(0), subject, publicKey, tagged(0));
  const signature = sign('sha256', info, key);
  const request = sequence(info, sequence(oid(OID.ecdsaWithSha256)), bitString(signature));
  return pem('CERTIFICATE REQUEST', request);
}
