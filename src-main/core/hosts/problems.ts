import type { Problem } from '../../../agent/protocol/index.ts';

export function alreadyAdded(name: string, how: 'address' | 'machine'): Problem {
  const message =
    how === 'address'
      ? `This address is in the list already, as ${name}.`
      : `This is the same machine as ${name}.`;
  return {
    kind: 'host-already-added',
    message,
    next: `Open ${name} on the map, or enter the address of another machine.`,
    field: 'address',
  };
}

export function nameTaken(name: string): Problem {
  return {
    kind: 'name-taken',
    message: `Another host is already called ${name}.`,
    next: 'Give this one a different name.',
    field: 'name',
  };
}

export function nameMissing(): Problem {
  return {
    kind: 'name-missing',
    message: 'The host has no name.',
    next: 'Enter the name it shall have on the map.',
    field: 'name',
  };
}

export function draftGone(): Problem {
  return {
    kind: 'draft-gone',
    message: 'The connection waited too long and was closed.',
    next: 'Log in again.',
  };
}

export function alreadyAdding(name: string): Problem {
  return {
    kind: 'already-adding',
    message: `${name} is being added already.`,
    next: 'Wait until it is done.',
  };
}

export function roleImpossible(role: string, host: string): Problem {
  return {
    kind: 'role-impossible',
    message: `${host} cannot be added as a ${role} host: a check failed.`,
    next: 'Do what the failed check says, or choose the other role.',
    field: 'role',
  };
}

export function otherFleet(host: string): Problem {
  return {
    kind: 'other-fleet',
    message: `The agent on ${host} belongs to another fleet.`,
    next: `Remove ${host} with the console that manages it, then add it here.`,
  };
}

export function secretUnknown(name: string): Problem {
  return {
    kind: 'secret-unknown',
    message: `The log-in of ${name} is no longer remembered.`,
    next: 'Enter the password or passphrase.',
    field: 'password',
  };
}

export function pairsLiveThere(name: string, machines: string[]): Problem {
  const list = machines.join(', ');
  return {
    kind: 'host-has-pairs',
    message: `${name} takes part in the protection of ${list}.`,
    next: `End the protection of ${list} first.`,
    details: { machines: list },
  };
}

export function isWitness(name: string, machines: string[]): Problem {
  const list = machines.join(', ');
  return {
    kind: 'host-is-witness',
    message: `${name} is the witness of ${list}.`,
    next: `Choose another witness for ${list} first, or none.`,
    details: { machines: list },
  };
}

export function unreachableForRemoval(name: string): Problem {
  return {
    kind: 'host-offline',
    message: `${name} does not answer, so its agent cannot be taken off.`,
    next: 'Reconnect it first, or remove it from the list although its agent stays on it.',
  };
}

export function unreachableForName(name: string): Problem {
  return {
    kind: 'host-offline',
    message: `${name} does not answer, and it keeps its name itself.`,
    next: 'Reconnect it first: every console of the fleet then calls it by the new name.',
  };
}

export function keyNotShown(name: string, shown: string): Problem {
  return {
    kind: 'host-key-not-confirmed',
    message: `${name} shows another key than the one confirmed: ${shown}.`,
    next: 'Compare the fingerprint on the server itself, and confirm only the one it prints.',
    field: 'fingerprint',
  };
}

export function memberUnknown(name: string, address: string): Problem {
  return {
    kind: 'fleet-member-unknown',
    message: `${name} (${address}) belongs to this fleet too, and this console does not know it.`,
    next: `Add ${name} with "Add a host".`,
    details: { name, address },
  };
}
