/**
 * A note: words for the person beside the result, on stderr.
 *
 * In a file of its own, as it is needed before the rest of a renderer is loaded. What must stay true:
 * foreign words in it are made harmless.
 */
import { plainText } from './plain-text.js';

export const noticeText = (text: string): string => `loomkin: note: ${plainText(text)}\n`;
