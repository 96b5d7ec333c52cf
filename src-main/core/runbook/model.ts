/** One line of shell, given by root on one host. */
export interface Command {
  run: string;
  /** Name of the host. */
  on: string;
  /** What its output has to hold as whole words; with it the exit code does not count. */
  expect?: string;
  /** Given again until it shows that. */
  until?: true;
  /** It may fail, and why that does no harm. */
  mayFail?: string;
}

export interface Step {
  title: string;
  /** What it is for, each a paragraph. */
  text: string[];
  commands: Command[];
  /** What goes wrong otherwise, each a paragraph. */
  warnings?: string[];
  /** Only when that host answers. */
  ifAnswers?: string;
}

/** A way to do one thing, step by step. */
export interface Procedure {
  id: 'on-standby' | 'on-owner' | 'back-from-standby' | 'back-from-owner';
  title: string;
  /** When it is the right one. */
  when: string;
  steps: Step[];
}

/** One protected machine. */
export interface Sheet {
  pairId: string;
  machine: string;
  uuid: string;
  /** What was known of it, each a name and a value. */
  facts: [string, string][];
  /** What must be known before anything is done, each a sentence. */
  warnings: string[];
  procedures: Procedure[];
}

/** A host in the list at the beginning. */
export interface HostLine {
  name: string;
  site: string;
  /** How to log in. */
  login: string;
  role: string;
  /** Machines that run there, and those whose copy is there. */
  runs: string[];
  keeps: string[];
}

/** The whole runbook, as it is written down. */
export interface Runbook {
  hosts: HostLine[];
  sheets: Sheet[];
  practice: boolean;
}
