/**
 * The workflow functions and nothing else: what the bundle contains. What must stay true: a function
 * keeps its exported name, which is the workflow type that running sessions were started with.
 */
export { agentWorkflow } from './agent/agent.workflow.js';
