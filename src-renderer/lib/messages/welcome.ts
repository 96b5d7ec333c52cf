export const welcome = {
  title: 'A standby for every machine that matters.',
  lead: 'Understudy keeps a copy of your virtual machines up to date on a second server, and brings it on stage when the first one dies.',
  connect: 'Connect your servers',
  connectText:
    'Two servers with libvirt, reached over SSH. Nothing is installed before you say so, and nothing on them changes until you protect a machine.',
  connectFacts: [
    'Address and log-in, that is all',
    'A few clicks a server',
    'Removed again without a trace',
    'A fleet that is there already is taken over as it is',
  ],
  practice: 'Explore a practice fleet',
  practiceText:
    'Three simulated hosts with machines on them, driven by the same code. Cut the power of one and see what happens.',
  practiceFacts: ['Nothing to prepare', 'Touches no real server', 'Leave whenever you like'],
  starting: 'Setting the stage…',
  how: 'What it does',
  steps: [
    {
      title: 'Watches',
      text: 'A small agent on each host knows every machine on it and hears at once when something changes.',
    },
    {
      title: 'Copies',
      text: 'A protected machine writes to both hosts at the same moment. What it has acknowledged is in both places.',
    },
    {
      title: 'Takes over',
      text: 'When a host is lost you read the evidence, confirm once, and the copy runs at the same address.',
    },
  ],
};
