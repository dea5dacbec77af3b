/**
 * The beginning or the end of a text in so many bytes.
 *
 * What must stay true: it holds whole characters alone.
 */
export const headOfText = (bytes: Buffer, bytesMax: number): string =>
  bytes
    .subarray(0, bytesMax)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');

/** At least one byte. */
export const tailOfText = (bytes: Buffer, bytesMax: number): string =>
  bytes
    .subarray(-bytesMax)
    .toString('utf8')
    .replace(/^\uFFFD+/, '');
