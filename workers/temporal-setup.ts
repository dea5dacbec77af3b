/**
 * What a fresh Temporal server must be told once: our search attributes and 30 days of retention.
 *
 * Idempotent, run at each start of the daemon, since the server's own defaults (24 hours) would let
 * last night's work vanish from the Web UI.
 */
import type { Connection } from '@temporalio/client';

import { NAMESPACE, SEARCH_ATTRIBUTES } from '../workflows/protocol/names.js';

const RETENTION_SECONDS = 30 * 86_400;

const addSearchAttributes = async (connection: Connection): Promise<void> => {
  const listed = await connection.operatorService.listSearchAttributes({ namespace: NAMESPACE });
  const known = listed.customAttributes ?? {};
  for (const [name, type] of Object.entries(SEARCH_ATTRIBUTES))
    if (name in known && known[name] !== type)
      throw new Error(
        `Temporal's search attribute ${name} has another type than ours (${known[name]}, not ${type})`,
      );
  const missing = Object.entries(SEARCH_ATTRIBUTES).filter(([name]) => !(name in known));
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace: NAMESPACE,
    searchAttributes: Object.fromEntries(missing),
  });
};

const setRetention = async (connection: Connection): Promise<void> => {
  const { config } = await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
  if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) === RETENTION_SECONDS) return;
  const ttl = { seconds: RETENTION_SECONDS as unknown as Long };
  await connection.workflowService.updateNamespace({
    namespace: NAMESPACE,
    config: { workflowExecutionRetentionTtl: ttl },
  });
};

type Long = NonNullable<
  NonNullable<
    NonNullable<
      Parameters<Connection['workflowService']['updateNamespace']>[0]['config']
    >['workflowExecutionRetentionTtl']
  >['seconds']
>;

export const prepareServer = async (connection: Connection): Promise<void> => {
  await Promise.all([addSearchAttributes(connection), setRetention(connection)]);
};
