/**
 * One table per tool: the fields it takes, from which both the JSON Schema and the parser are made.
 *
 * Hand-written because the daemon's start pays for every schema library it loads. What must stay true:
 * arguments are never guessed; what has the wrong shape is refused with words that name the field and
 * what was expected, so that the model can send the call again.
 */

interface Described {
  readonly description?: string;
  readonly optional?: true;
}
export type Field =
  | (Described & {
      readonly kind: 'string';
      readonly bytesMax?: number;
      /** The empty string is allowed. */
      readonly empty?: true;
    })
  | (Described & { readonly kind: 'integer'; readonly min?: number; readonly max?: number })
  | (Described & { readonly kind: 'boolean' })
  | (Described & { readonly kind: 'choice'; readonly values: readonly string[] })
  | (Described & { readonly kind: 'strings' });

export type Fields = Readonly<Record<string, Field>>;

type ValueOf<F extends Field> = F extends { readonly kind: 'string' }
  ? string
  : F extends { readonly kind: 'integer' }
    ? number
    : F extends { readonly kind: 'boolean' }
      ? boolean
      : F extends { readonly kind: 'choice'; readonly values: readonly (infer Value)[] }
        ? Value
        : readonly string[];

type OptionalName<F extends Fields> = {
  [Name in keyof F]: F[Name] extends { readonly optional: true } ? Name : never;
}[keyof F];

/** The typed input that `parseFields` returns for a table written `as const satisfies Fields`. */
export type InputOf<F extends Fields> = {
  readonly [Name in Exclude<keyof F, OptionalName<F>>]: ValueOf<F[Name]>;
} & { readonly [Name in OptionalName<F>]?: ValueOf<F[Name]> };

export type Parsed<Input> =
  { readonly ok: true; readonly input: Input } | { readonly ok: false; readonly error: string };

const LONE_SURROGATE = /\p{Surrogate}/u;

const shapeOf = (field: Field): Record<string, unknown> => {
  if (field.kind === 'choice') return { type: 'string', enum: field.values };
  if (field.kind === 'strings') return { type: 'array', items: { type: 'string' } };
  if (field.kind !== 'integer') return { type: field.kind };
  return {
    type: 'integer',
    ...(field.min === undefined ? {} : { minimum: field.min }),
    ...(field.max === undefined ? {} : { maximum: field.max }),
  };
};

/** The JSON Schema of a table, as sent to every provider. */
export const schemaOf = (fields: Fields): Readonly<Record<string, unknown>> => ({
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      { ...shapeOf(field), ...(field.description ? { description: field.description } : {}) },
    ]),
  ),
  required: Object.keys(fields).filter((name) => !fields[name]?.optional),
  additionalProperties: false,
});

const typeName = (value: unknown): string => {
  if (value === null) return 'null';
  return Array.isArray(value)
    ? 'a list'
    : `a${typeof value === 'object' ? 'n' : ''} ${typeof value}`;
};

/** What a string must not be, in words; null when it is fine. */
const stringFault = (value: string, field: Field & { kind: 'string' }): string | null => {
  if (value === '' && !field.empty) return 'must not be empty';
  if (LONE_SURROGATE.test(value)) return 'holds half of a surrogate pair, which is no character';
  const { bytesMax } = field;
  if (bytesMax === undefined || Buffer.byteLength(value) <= bytesMax) return null;
  return `is too long: ${Buffer.byteLength(value)} of ${bytesMax} bytes`;
};

const integerFault = (value: unknown, { min, max }: Field & { kind: 'integer' }): string | null => {
  if (!Number.isSafeInteger(value)) return `must be a whole number, not ${typeName(value)}`;
  if (min !== undefined && (value as number) < min) return `must be ${min} or more`;
  return max !== undefined && (value as number) > max ? `must be ${max} or less` : null;
};

const faultOf = (value: unknown, field: Field): string | null => {
  switch (field.kind) {
    case 'string':
      if (typeof value !== 'string') return `must be a string, not ${typeName(value)}`;
      return stringFault(value, field);
    case 'integer':
      return integerFault(value, field);
    case 'boolean':
      return typeof value === 'boolean' ? null : `must be true or false, not ${typeName(value)}`;
    case 'choice':
      return field.values.includes(value as string)
        ? null
        : `must be one of ${field.values.join(', ')}`;
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '')
        ? null
        : 'must be a list of strings that are not empty';
  }
};

/** What was given for a field; undefined when it counts as left out. */
const givenFor = (input: object, name: string, field: Field): unknown => {
  const value = Object.hasOwn(input, name) ? (input as Record<string, unknown>)[name] : undefined;
  // Strict function calling has no other way to leave an optional field out.
  return value === null && field.optional ? undefined : value;
};

export const parseFields = <F extends Fields>(input: unknown, fields: F): Parsed<InputOf<F>> => {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return { ok: false, error: `The arguments must be an object, not ${typeName(input)}.` };
  const faults = Object.keys(input)
    .filter((name) => !Object.hasOwn(fields, name))
    .map((name) => `${JSON.stringify(name.slice(0, 60))} is not known`);
  const parsed: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = givenFor(input, name, field);
    if (value === undefined && field.optional) continue;
    const fault = value === undefined ? 'is missing' : faultOf(value, field);
    if (fault) faults.push(`"${name}" ${fault}`);
    else parsed[name] = value;
  }
  if (faults.length === 0) return { ok: true, input: parsed as InputOf<F> };
  const names = Object.keys(fields).join(', ');
  return { ok: false, error: `${faults.slice(0, 5).join('; ')}. The fields are: ${names}.` };
};
