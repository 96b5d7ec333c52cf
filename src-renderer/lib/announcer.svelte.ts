export type Tone = 'ok' | 'attention' | 'danger' | 'info';

export interface Note {
  id: number;
  tone: Tone;
  text: string;
  next: string;
}

const SHOWN_MS = 8_000;

/** Short notes at the edge of the window, and sentences for screen readers. */
class Announcer {
  notes = $state<Note[]>([]);
  /** What the polite live region says now. */
  spoken = $state('');
  #next = 1;

  say(text: string): void {
    this.spoken = text;
  }

  /** `danger` notes stay until dismissed; others leave by themselves. */
  note(tone: Tone, text: string, next = ''): void {
    const id = this.#next++;
    this.notes.push({ id, tone, text, next });
    if (tone !== 'danger') setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  dismiss(id: number): void {
    this.notes = this.notes.filter((note) => note.id !== id);
  }
}

export const announcer = new Announcer();
