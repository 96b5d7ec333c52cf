import type { Profile } from '../../../agent/protocol/pair.ts';
import type { Policy } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';

interface Option<T> {
  value: T;
  label: string;
  text: string;
  reason: string | null;
}

/** `reason`: why it cannot start by itself. */
export function policyOptions(reason: string | null): Option<Policy>[] {
  const words = m.automation.policy;
  return [
    { value: 'manual', label: words.manual, text: words.manualText, reason: null },
    { value: 'automatic', label: words.automatic, text: words.automaticText, reason },
  ];
}

/** `reason`: why nothing but `now` can be chosen. */
export function profileOptions(reason: string | null = null, now: Profile | null = null): Option<Profile>[] {
  const words = m.automation.profile;
  const all: [Profile, string, string][] = [
    ['fast', words.fast, words.fastText],
    ['balanced', words.balanced, words.balancedText],
    ['patient', words.patient, words.patientText],
  ];
  return all.map(([value, label, text]) => ({ value, label, text, reason: value === now ? null : reason }));
}

/** Of a copy that nobody has seen work yet. */
/** `reason`: why no drill can come first. */
export function drillOptions(reason: string | null = null): Option<'waived' | 'first'>[] {
  const words = m.drill.choice;
  return [
    { value: 'waived', label: words.waived, text: words.waivedText, reason: null },
    { value: 'first', label: words.first, text: words.firstText, reason },
  ];
}
