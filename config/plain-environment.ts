/**
 * The environment that supervisor, server and daemon live in: what they need and nothing secret.
 *
 * Whoever may read /proc sees it for as long as they live. What must stay true: keys of models are
 * never in it, whatever shell it was that started us.
 */
const KEPT = /^(PATH|HOME|LANG|LC_[A-Z]+|XDG_[A-Z_]+|TMPDIR|LOOMKIN_[A-Z_]+)$/;

type Environment = Readonly<Record<string, string | undefined>>;

export const plainEnvironment = (env: Environment, home: string): Record<string, string> => ({
  ...Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && KEPT.test(entry[0]),
    ),
  ),
  LOOMKIN_HOME: home,
});
