/**
 * The workflow functions and nothing else: what the bundle contains.
 */
export { agentWorkflow } from './agent/agent.workflow.js';
