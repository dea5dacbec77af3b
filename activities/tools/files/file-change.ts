/**
 * What all tools have in common that change one file.
 *
 * What must stay true: they are judged by the path alone, and a refusal changes nothing.
 */
import type { PermissionClass } from '../../../workflows/protocol/agent.js';
import type { EffectKind, ToolPlan } from '../tool.js';
import { subjectOf } from './subject.js';

export const refuse = (text: string): ToolPlan => ({ kind: 'answer', text, isError: true });

export const CHANGES_ONE_FILE = {
  timeLimitMs: 60_000,
  permission: (): PermissionClass => 'edit',
  effect: (): EffectKind => 'reconcilable',
  subject: ({ path }: { readonly path: string }) => subjectOf(path),
};
