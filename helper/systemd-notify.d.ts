declare module 'systemd-notify' {
  /** Runs systemd-notify(1) with these messages. Rejects where it cannot be run, or fails. */
  export default function notify(messages: { readonly ready?: boolean; readonly status?: string }): Promise<void>;
}
