/**
 * Questions to people, and their answers.
 *
 * What must stay true: an approval leaves `pending` exactly once; the second answer is refused.
 */
import type { Approval } from '../../workflows/protocol/approvals.js';

export interface ApprovalOperations {
  /** Idempotent by id; writes the `approval` event. */
  askApproval(args: Approval): void;
  /** False when it was not pending any more; writes the `approval` event when it was. */
  settleApproval(args: {
    readonly id: string;
    readonly state: 'approved' | 'denied' | 'cancelled';
    readonly answer: string | null;
    readonly at: string;
  }): boolean;
  getApproval(args: { readonly id: string }): Approval | null;
  listApprovals(args: { readonly pendingOnly: boolean }): readonly Approval[];
}
