/** One of several things to choose from. */
export interface Option<T extends string = string> {
  value: T;
  label: string;
  text?: string;
  /** Why it cannot be chosen. */
  reason?: string | null;
}
