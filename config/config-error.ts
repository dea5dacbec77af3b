/**
 * The error of everything a person configured wrongly: files, variables, flags, models, keys.
 *
 * It is printed as `loomkin: MESSAGE. CURE` and ends the command with exit code 2. What must stay
 * true: the message names the place (file and line, variable, flag), and never holds a key.
 */
export type ConfigErrorKind =
  'config' | 'no_model' | 'unknown_model' | 'unknown_provider' | 'no_key' | 'usage';

export class ConfigError extends Error {
  readonly kind: ConfigErrorKind;
  readonly cure: string;
  readonly exitCode = 2;
  constructor(kind: ConfigErrorKind, message: string, cure: string) {
    super(message);
    this.name = 'ConfigError';
    this.kind = kind;
    this.cure = cure;
  }
}

export const isConfigError = (error: unknown): error is ConfigError =>
  error instanceof Error && error.name === 'ConfigError';
