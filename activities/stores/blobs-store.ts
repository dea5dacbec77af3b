/**
 * Bodies by content hash: pre- and post-images, and tool output too long to show at once.
 *
 * Small ones are rows, large ones files below `blobs/`; callers can't tell. A blob never changes.
 */
export interface BlobOperations {
  /** Returns the SHA-256 (hex); the same bytes twice are one blob. */
  storeBlob(args: { readonly bytes: Uint8Array }): { readonly hash: string };
  readBlob(args: { readonly hash: string }): Uint8Array | null;
}
