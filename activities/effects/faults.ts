/**
 * Kill points: places where a test may end the process at the worst moment.
 *
 * `LOOMKIN_FAULT=POINT[:TOOL][#N]=kill|stop|throw`, a comma list, read when the daemon starts. Each
 * fires once per LOOMKIN_HOME: it is synced to `faults.log` before it acts. What must stay true:
 * when the variable is unset, reaching a point is a call of an empty function.
 */

export const FAULT_POINTS = [
  'model.before-request',
  'model.in-stream',
  'model.after-store',
  'effect.before-claim',
  'effect.after-claim',
  'effect.after-act',
  'effect.after-outcome',
  'shell.running',
  'turn.end',
  'can.before',
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** Call it where the world would be cut. `tool` narrows a fault to one tool. */
export type ReachFault = (point: FaultPoint, tool?: string) => void;
