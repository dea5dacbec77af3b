/**
 * Which build this is. The bundler writes both names into the code; from source they are "dev".
 */
declare const LOOMKIN_BUILD: string | undefined;
declare const LOOMKIN_VERSION: string | undefined;

export const BUILD = typeof LOOMKIN_BUILD === 'string' ? LOOMKIN_BUILD : 'dev';
export const VERSION = typeof LOOMKIN_VERSION === 'string' ? LOOMKIN_VERSION : '0.0.0';
