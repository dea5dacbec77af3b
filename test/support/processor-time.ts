/**
 * Processor time of this process while something runs: what a bound on work is about.
 *
 * The clock on the wall counts the machine's other work too, so a bound on it fails under load.
 */
export const processorMs = async (body: () => unknown): Promise<number> => {
  const before = process.cpuUsage();
  await body();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};
