/** The page's own address: a custom protocol, so that nothing else can claim its origin. */
export const APP_SCHEME = 'understudy';
export const APP_ORIGIN = `${APP_SCHEME}://app`;
export const APP_START = `${APP_ORIGIN}/index.html`;

/** True for pages of the console itself. */
export function isOwnPage(url: string): boolean {
  try {
    const { protocol, host } = new URL(url);
    return protocol === `${APP_SCHEME}:` && host === 'app';
  } catch {
    return false;
  }
}
