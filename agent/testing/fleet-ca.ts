import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const USAGES = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth];

export interface TestCa {
  /** PEM. */
  certificate: string;
  /** A certificate for the request's key, PEM. */
  issue(csr: string, options: { hostId: string; fleetId?: string; notAfter?: Date }): Promise<string>;
}

/**
 * A fleet's CA for specs, made by another implementation than the agent's own. Two of one fleet need two names: verifiers
 * look an issuer up by its name.
 */
export async function makeFleetCa(fleetId: string, name = 'Fleet CA'): Promise<TestCa> {
  x509.cryptoProvider.set(webcrypto);
  const keys = (await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: `O=${fleetId}, CN=${name}`,
    keys,
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 10 * 365 * 86_400_000),
    signingAlgorithm: EC,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    certificate: ca.toString('pem'),
    async issue(csr, options) {
      const request = new x509.Pkcs10CertificateRequest(csr);
      const certificate = await x509.X509CertificateGenerator.create({
        subject: `O=${options.fleetId ?? fleetId}, CN=${options.hostId}`,
        issuer: ca.subject,
        publicKey: request.publicKey,
        signingKey: keys.privateKey,
        notBefore: new Date(Date.now() - 7_200_000),
        notAfter: options.notAfter ?? new Date(Date.now() + 365 * 86_400_000),
        signingAlgorithm: EC,
        extensions: [
          new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: options.hostId }]),
          new x509.ExtendedKeyUsageExtension(USAGES),
        ],
      });
      return certificate.toString('pem');
    },
  };
}
