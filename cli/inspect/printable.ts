const decoder = new TextDecoder('utf-8', { fatal: true });

/** Names come from the image: what could drive a terminal, and bytes that are not UTF-8, become \ooo. */
export function printable(name: string | Uint8Array): string {
  const text = typeof name === 'string' ? name : (decode(name) ?? Array.from(name, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : octal(byte))).join(''));
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => Array.from(Buffer.from(character), octal).join(''));
}

/** The text of a name, undefined where it is not UTF-8. */
export function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** How a name stands in JSON: as text, and in base64 too where the text is not exact. */
export const jsonName = (bytes: Uint8Array): { name: string; nameBase64?: string } => {
  const text = decode(bytes);
  const buffer = Buffer.from(bytes);
  return text === undefined ? { name: buffer.toString(), nameBase64: buffer.toString('base64') } : { name: text };
};

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, '0')}`;
