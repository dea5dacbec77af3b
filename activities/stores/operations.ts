/**
 * All operations of the store in one table, and what each of them is.
 *
 * - `read`: answered at once, outside any group
 * - `write`: runs in a group; when the group breaks it is run again, alone
 * - `effect`: a write that also changes the world; never run again by the store
 * - `fence`: takes the installation; in a group of its own
 *
 * What must stay true: every operation is listed, since what is not can't be called.
 */
import { agentOperations } from './agents-store.js';
import { approvalOperations } from './approvals-store.js';
import { blobOperations } from './blobs-store.js';
import { effectOperations } from './effects-store.js';
import { eventOperations } from './events-store.js';
import { inFlightOperations } from './in-flight-store.js';
import { installationOperations } from './installation-store.js';
import { messageOperations } from './messages-store.js';
import { sessionOperations } from './sessions-store.js';
import type { StoreContext } from './store-context.js';
import type { StoreOperationName, StoreOperations } from './store.js';
import { transcriptOperations } from './transcript-store.js';
import { usageOperations } from './usage-store.js';

export type OperationKind = 'read' | 'write' | 'effect' | 'fence';

export const OPERATION_KINDS: Readonly<Record<StoreOperationName, OperationKind>> = {
  setAgentState: 'write',
  getAgent: 'read',
  listAgents: 'read',
  countAgentStates: 'read',
  askApproval: 'write',
  settleApproval: 'write',
  getApproval: 'read',
  listApprovals: 'read',
  storeBlob: 'write',
  readBlob: 'read',
  claimEffect: 'write',
  getEffect: 'read',
  readPostImage: 'read',
  publishFile: 'effect',
  settleEffect: 'write',
  openEffects: 'read',
  countDeaths: 'write',
  appendEvent: 'write',
  readEvents: 'read',
  lastOffset: 'read',
  resultOf: 'read',
  putInFlight: 'write',
  dropInFlight: 'write',
  listInFlight: 'read',
  takeFence: 'fence',
  storeFacts: 'read',
  storeMessage: 'write',
  getMessages: 'read',
  firstSentAt: 'read',
  agentsOwingResults: 'read',
  owedMessages: 'read',
  createSession: 'write',
  getSession: 'read',
  findSessions: 'read',
  newestSession: 'read',
  listSessions: 'read',
  setSessionModel: 'write',
  appendInputs: 'write',
  appendAnswer: 'write',
  appendResult: 'write',
  readTranscript: 'read',
  readAnswer: 'read',
  readResult: 'read',
  lastTurn: 'read',
  countAnswers: 'read',
  changesSince: 'read',
  countModelFailure: 'write',
  modelFailures: 'read',
  sumUsage: 'read',
};

export const makeOperations = (context: StoreContext): StoreOperations => ({
  ...agentOperations(context),
  ...approvalOperations(context),
  ...blobOperations(context),
  ...effectOperations(context),
  ...eventOperations(context),
  ...inFlightOperations(context),
  ...installationOperations(context),
  ...messageOperations(context),
  ...sessionOperations(context),
  ...transcriptOperations(context),
  ...usageOperations(context),
});
