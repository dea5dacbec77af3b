/**
 * The providers that are built in: where they are asked, by which API, with the key of which variable.
 *
 * Names, addresses and variables are those of the catalogue's source, so that a model's id there is
 * its id here; where a provider has an address that speaks one of our three APIs beside its own, that
 * one stands here. What must stay true: each default model is in the catalogue, with a price.
 */
import type { KeyHeader, ProviderSettings } from './settings.js';

export interface BuiltInKey {
  readonly env: string;
  /** How it is sent, where that differs from its API's own way. */
  readonly header?: KeyHeader;
}

export interface BuiltInProvider extends Pick<ProviderSettings, 'api'> {
  /** Null: each customer has one of their own. */
  readonly baseUrl: string | null;
  /** Variables that replace the base URL; the first that is set counts. */
  readonly baseUrlEnvs: readonly string[];
  /** API of a server that stands in for the provider's own. */
  readonly apiElsewhere: ProviderSettings['api'];
  /** The first that is set counts, the last is named when none is; empty: no key is needed. */
  readonly keys: readonly BuiltInKey[];
  /** Model used when nothing else names one and the key is set. */
  readonly defaultModel: string | null;
}

type Extra = Partial<BuiltInProvider>;

const withApi =
  (api: ProviderSettings['api']) =>
  (
    baseUrl: string | null,
    keyEnv: string | null,
    defaultModel: string | null,
    extra: Extra = {},
  ): BuiltInProvider => ({
    api,
    baseUrl,
    baseUrlEnvs: [],
    apiElsewhere: api,
    keys: keyEnv === null ? [] : [{ env: keyEnv }],
    defaultModel,
    ...extra,
  });
const chat = withApi('chat');
const responses = withApi('responses');
const anthropic = withApi('anthropic');

/** In the order in which their keys choose the default model. */
export const BUILT_IN_PROVIDERS: Readonly<Record<string, BuiltInProvider>> = {
  anthropic: anthropic('https://api.anthropic.com', null, 'claude-sonnet-5-5', {
    // Who has a token has it for a gateway; an account's key may lie about beside it.
    keys: [{ env: 'ANTHROPIC_AUTH_TOKEN', header: 'bearer' }, { env: 'ANTHROPIC_API_KEY' }],
    baseUrlEnvs: ['ANTHROPIC_BASE_URL'],
  }),
  // Servers that speak Responses are few; those that stand in for OpenAI speak Chat Completions.
  openai: responses('https://api.openai.com/v1', 'OPENAI_API_KEY', 'gpt-5.1', {
    baseUrlEnvs: ['OPENAI_BASE_URL'],
    apiElsewhere: 'chat',
  }),
  google: chat(
    'https://generativelanguage.googleapis.com/v1beta/openai',
    null,
    'gemini-3.1-pro-preview',
    { keys: [{ env: 'GOOGLE_API_KEY' }, { env: 'GEMINI_API_KEY' }] },
  ),
  openrouter: chat(
    'https://openrouter.ai/api/v1',
    'OPENROUTER_API_KEY',
    'anthropic/claude-sonnet-5.5',
  ),
  xai: responses('https://api.x.ai/v1', 'XAI_API_KEY', 'grok-4.7'),
  deepseek: chat('https://api.deepseek.com', 'DEEPSEEK_API_KEY', 'deepseek-v4-pro'),
  mistral: chat('https://api.mistral.ai/v1', 'MISTRAL_API_KEY', 'devstral-latest'),
  groq: chat('https://api.groq.com/openai/v1', 'GROQ_API_KEY', 'openai/gpt-oss-120b'),
  cerebras: chat('https://api.cerebras.ai/v1', 'CEREBRAS_API_KEY', 'gpt-oss-120b'),
  together: chat('https://api.together.ai/v1', 'TOGETHER_API_KEY', 'zai-org/GLM-5.3'),
  fireworks: chat(
    'https://api.fireworks.ai/inference/v1',
    'FIREWORKS_API_KEY',
    'accounts/fireworks/models/glm-5p3',
  ),
  moonshotai: chat('https://api.moonshot.ai/v1', 'MOONSHOT_API_KEY', 'kimi-k3.1-pro'),
  zai: chat('https://api.z.ai/api/coding/paas/v4', 'ZAI_API_KEY', 'glm-5.3'),
  minimax: anthropic('https://api.minimax.io/anthropic', 'MINIMAX_API_KEY', 'MiniMax-M3'),
  baseten: chat('https://inference.baseten.co/v1', 'BASETEN_API_KEY', 'zai-org/GLM-5.3'),
  meta: responses('https://api.meta.ai/v1', 'META_API_KEY', 'muse-spark-1.3'),
  xiaomi: chat('https://api.xiaomimimo.com/v1', 'XIAOMI_API_KEY', 'mimo-v2.6-pro'),
  'vercel-ai-gateway': anthropic(
    'https://ai-gateway.vercel.sh',
    'AI_GATEWAY_API_KEY',
    'anthropic/claude-sonnet-5.5',
  ),
  // Keys that are often there for other ends choose no model.
  huggingface: chat('https://router.huggingface.co/v1', 'HF_TOKEN', null),
  nvidia: chat('https://integrate.api.nvidia.com/v1', 'NVIDIA_API_KEY', null),
  // Its models have the names that the customer gave them.
  azure: responses(null, null, null, {
    keys: [{ env: 'AZURE_OPENAI_API_KEY', header: 'api-key' }],
    baseUrlEnvs: ['AZURE_OPENAI_BASE_URL', 'AZURE_OPENAI_ENDPOINT'],
  }),
  ollama: chat('http://127.0.0.1:11434/v1', null, null),
  lmstudio: chat('http://127.0.0.1:1234/v1', null, null),
  vllm: chat('http://127.0.0.1:8000/v1', null, null),
};

export const builtInProvider = (name: string): BuiltInProvider | null =>
  Object.hasOwn(BUILT_IN_PROVIDERS, name) ? (BUILT_IN_PROVIDERS[name] ?? null) : null;
