/** Attachment for forms: when fields are found wrong, the first of them gets the focus. */
export function focusInvalid(form: HTMLElement): () => void {
  const observer = new MutationObserver((changes) => {
    const marked = changes.some(
      ({ target }) => target instanceof Element && target.getAttribute('aria-invalid') === 'true',
    );
    if (marked) form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  });
  observer.observe(form, { attributeFilter: ['aria-invalid'], subtree: true });
  return () => observer.disconnect();
}
