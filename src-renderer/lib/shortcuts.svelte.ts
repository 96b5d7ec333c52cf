/** Whether the sheet of the keyboard's shortcuts is shown. */
class Sheet {
  open = $state(false);
}

export const sheet = new Sheet();
