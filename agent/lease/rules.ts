/**
 * The rules of docs/safety.md that a single line of code could forget. The agent always runs `CONTRACT`; the simulator
 * takes one away at a time and must find the harm (`npm run simulate -- --mistakes`). Nothing else may set them.
 */
export interface Rules {
  /** Owner counts T from the moment it sent the request. Mistake `count-from-receipt`. */
  countFromSending: boolean;
  /** Hold is longer than T + guard bound + drift, not T. Mistake `no-guard-margin`. */
  holdMargin: boolean;
  /** Restarted voters grant only to the recorded owner for one hold. Mistake `restart-grants`. */
  restartSilence: boolean;
  /** Takeover is accepted only from the node granted a live lease. Mistake `no-coupling`. */
  coupling: boolean;
  /** Swaps of a member are made only in the epoch it decided in. Mistake `epoch-unchecked`. */
  epochChecked: boolean;
  /** Held writes are released only after `stale` is durable on a majority. Mistake `release-unrecorded`. */
  releaseRecorded: boolean;
  /** Takeover needs `in-sync`. Mistake `ignore-stale`. */
  needInSync: boolean;
  /** A copy whose host or storage daemon ended uncleanly while it acknowledged from memory is none. Mistake `ignore-unclean`. */
  needClean: boolean;
  /** The export is closed before `begun`. Mistake `export-open`. */
  closeExport: boolean;
  /** `in-sync` only after a complete copy with the stall in force. Mistake `insync-too-early`. */
  completeCopy: boolean;
  /** Guard on before `armed: true` is proposed. Mistake `arm-before-guard`. */
  guardFirst: boolean;
  /** An unarmed pair has no automatic successor. Mistake `unarmed-takeover`. */
  needArmed: boolean;
  /** Disarmed before the mirror of a guest that leaves is taken away. Mistake `leave-armed`. */
  disarmToLeave: boolean;
  /** A fresh QEMU never starts under `in-sync`. Mistake `start-in-sync`. */
  staleBeforeStart: boolean;
  /** A frozen guest goes on only after `stale` or an unbroken mirror. Mistake `thaw-in-sync`. */
  staleBeforeThaw: boolean;
  /** The takeover swap voids the replica and disarms. Mistake `takeover-keeps-insync`. */
  takeoverVoidsReplica: boolean;
  /** Lower incarnations are ignored, a rolled-back voter abstains. Mistake `rollback-accepted`. */
  continuity: boolean;
  /** Voters change unarmed, after the new one holds the record. Mistake `voter-swap-unchecked`. */
  voterSwapChecked: boolean;
  /** The former owner may take back what has not begun. Mistake `no-take-back`. */
  takeBack: boolean;
  /** On an external replication what is taken back starts anew, after a promote. Mistake `thaw-demoted`. */
  freshAfterPromote: boolean;
  /** Older receivers adopt newer chosen records. Mistake `no-gossip`. */
  gossip: boolean;
  /** Armed only when every voter holds the arming record. Mistake `arm-lagging`. */
  armEveryone: boolean;
}

export const CONTRACT: Readonly<Rules> = Object.freeze({
  countFromSending: true,
  holdMargin: true,
  restartSilence: true,
  coupling: true,
  epochChecked: true,
  releaseRecorded: true,
  needInSync: true,
  needClean: true,
  closeExport: true,
  completeCopy: true,
  guardFirst: true,
  needArmed: true,
  disarmToLeave: true,
  staleBeforeStart: true,
  staleBeforeThaw: true,
  takeoverVoidsReplica: true,
  continuity: true,
  voterSwapChecked: true,
  takeBack: true,
  freshAfterPromote: true,
  gossip: true,
  armEveryone: true,
});
