/** Names an order, so that the same click carried twice is carried out once. */
export function requestId(): string {
  return crypto.randomUUID();
}
