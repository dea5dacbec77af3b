/**
 * json: the result alone, one document, printed when the prompt has ended.
 *
 * What must stay true: stdout carries that one document and nothing else; words for the person go to
 * stderr.
 */
import type { StoredEvent } from '../../../workflows/protocol/events.js';
import type { AcceptedBody } from '../../http/wire.js';
import { jsonLine } from './json-line.js';
import { noticeText } from './notice.js';
import { NOTHING } from './renderer.js';
import type { Renderer } from './renderer.js';
import { brokenDocument, PromptRecord, resultDocument } from './result-document.js';
import type { ResultEvent } from './result-document.js';

export const jsonRenderer = (): Renderer => {
  let accepted: AcceptedBody | null = null;
  const record = new PromptRecord();
  return {
    accepted: (body) => {
      accepted = body;
      return { err: body.notices.map(noticeText).join('') };
    },
    event: ({ event }) => {
      record.note(event);
      return NOTHING;
    },
    delta: () => NOTHING,
    result: (stored, exitCode) => {
      const result = stored as StoredEvent & { readonly event: ResultEvent };
      const document = resultDocument(accepted?.session_id ?? '', result, record, exitCode);
      return { out: jsonLine(document) };
    },
    broken: (failure) => {
      const { session_id = '', message_id = '' } = accepted ?? {};
      const document = brokenDocument(session_id, message_id, record, failure);
      return { out: jsonLine(document) };
    },
  };
};
