/** Main process to core process. */
export type ToCore =
  /** `only`: the events that page is sent; left out: all. */
  | { k: 'open'; page: number; only?: string[] }
  | { k: 'close'; page: number }
  | { k: 'page'; page: number; message: unknown }
  /** Answer to `seal`; null when the keychain refused. */
  | { k: 'sealed'; id: number; value: string | null }
  /** Answer to `print`, base64; null when it could not be made. */
  | { k: 'printed'; id: number; pdf: string | null }
  /** The workstation goes to sleep, or is awake again. */
  | { k: 'sleep'; asleep: boolean }
  | { k: 'shutdown' };

/** Core process to main process. */
export type FromCore =
  | { k: 'page'; page: number; message: unknown }
  /** A local HTML file as PDF. */
  | { k: 'print'; id: number; file: string }
  | { k: 'seal'; id: number; operation: 'encrypt' | 'decrypt'; value: string };
