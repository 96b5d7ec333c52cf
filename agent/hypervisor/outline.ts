/** What two definitions of one machine are compared by; host-neutral as far as the hypervisor can make it so. */
export interface Outline {
  name: string;
  memoryBytes: number;
  vcpus: number;
  /** Network cards by address (MAC): what they hang on, for a person, and all that is said of them. */
  nics: Record<string, { source: string; all: string }>;
  /** Drives and read-only disks by target: path of the medium, '' when empty. */
  drives: Record<string, string>;
  /** Disks whose content is copied, by target: all that is said of them but where the image lies. */
  disks: Record<string, string>;
  /** Everything else by its part (libvirt: element under `domain` or `devices`), in a form that is the same for the same meaning. */
  parts: Record<string, string>;
}
