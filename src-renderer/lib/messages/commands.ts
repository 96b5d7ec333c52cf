/** *Show me the shell command*: what an order is on the command line, and what is done for it on the hosts. */
export const commands = {
  title: 'Show me the shell command',
  cli: 'The same order in a shell on this workstation',
  cliMany: 'The same orders in a shell on this workstation',
  noCli: 'The command line has no word for this order; it is given from this window.',
  hosts: 'What the agents do for it on the hosts',
  hostsMany: 'What the agents do on the hosts, for the first of them',
  hostsNote:
    'For understanding, not for typing: the agents do it in this order, note each step and undo what fails. For the day without agents there is the offline runbook.',
  on: (host: string) => `On ${host}`,
  members: 'both hosts of the pair',
  order: 'the order',
  record: {
    forced: (host: string) =>
      `# the record: ${host} owns the machine (by its voters when the lease has run out, else forced)`,
    given: (host: string) => `# the record: ${host} owns the machine from now on`,
    standby: (host: string) => `# the record: ${host} stands by from now on`,
    settings: '# the record: changed at a majority of the voters; nothing else',
    description: '# the pair’s description: changed; nothing else',
    free: '# refused while a machine has it open',
    stale: '# the record: the copy counts for nothing until it is whole',
  },
};
