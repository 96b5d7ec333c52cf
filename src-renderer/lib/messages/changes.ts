/** What others changed of a machine or its copy behind the agents' back. */
export const changes = {
  title: 'Changed by others',
  since: (when: string) => `Noticed ${when}.`,
  following: (host: string) => `${host} is following: the copy is not counted on until it has.`,
  followingDefinition: (host: string) => `${host} is following; the copy is counted on all the while.`,
  waits: 'It is followed once the machine runs.',
  asked: (name: string, host: string) => `${name} was changed, and ${host} cannot follow.`,
  away: (name: string, host: string) => `${name} was moved away from ${host} by somebody else.`,
  lacks: (host: string) => `Until then the copy on ${host} is not whole: nothing fails over to it by itself.`,
  keeps: (host: string) =>
    `Until then ${host} keeps the definition that works there: after a failover the machine runs as it was before the change.`,
  look: 'Look again',
  looked: 'Looked again.',
  touched: (name: string, host: string) => `Somebody else has been at the copy of ${name} on ${host}.`,
  touchedText:
    'It is not believed: nothing fails over to it. It is compared as soon as the machine’s own host answers.',
  trust: 'Vouch for this copy',
  trusted: (name: string) => `${name}: the copy may be failed over to again.`,
  followed: 'Followed',
  practice: {
    title: 'Practice: what others do to it',
    text: 'What an admin may do with virsh or virt-manager, without asking this console.',
    what: {
      'attach-disk': 'Attach a new disk',
      'enlarge-disk': 'Enlarge its first disk',
      'other-network': 'Connect it to another bridge, or back',
      'cancel-mirror': 'Cancel its mirror’s job',
    },
    done: 'Done. It takes a moment until it is noticed.',
  },
};
