import { custom, listOf, optionalText } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';

/** What opens, encrypts and signs. */
export const KEY_SETTINGS: SettingsOf<
  'apiKey' | 'masterKey' | 'formerMasterKeys' | 'signingSecret'
> = {
  apiKey: custom<string | null>(
    {
      flag: 'api-key',
      placeholder: '<key>',
      description:
        'API key that is valid from the start; dev makes one when it is not given, and retires the one before',
      secret: true,
      requiredBy: ['start'],
      dev: null,
      start: null,
    },
    'value',
    (raw, profile) => {
      // What protects nothing but a developer's own machine may be easy to type.
      const shortest = profile === 'dev' ? 1 : 16;
      const fits =
        typeof raw === 'string' && /^[\x21-\x7e]{1,512}$/.test(raw) && raw.length >= shortest;
      return fits
        ? { ok: true, value: raw }
        : { ok: false, expected: `${shortest} to 512 printable characters without spaces` };
    },
  ),
  masterKey: optionalText(
    {
      flag: 'master-key',
      placeholder: '<base64>',
      description: 'Key under which stored secrets are encrypted: 32 bytes in base64',
      secret: true,
      requiredBy: ['start'],
      dev: null,
      start: null,
    },
    /^[A-Za-z\d+/]{43}=$/,
    '32 random bytes in base64, as printed by: openssl rand -base64 32',
  ),
  formerMasterKeys: custom<readonly string[]>(
    {
      flag: 'former-master-keys',
      placeholder: '<base64,…>',
      description: 'Keys that were the master key before: they open what they have encrypted',
      secret: true,
      dev: Object.freeze([]),
      start: Object.freeze([]),
    },
    'list',
    (raw) => {
      const keys = (listOf(raw) ?? ['']).flatMap((part) => String(part).trim().split(/\s+/));
      const fits = keys.length <= 16 && keys.every((key) => /^[A-Za-z\d+/]{43}=$/.test(key));
      return fits
        ? { ok: true, value: Object.freeze(keys) }
        : { ok: false, expected: '1 to 16 keys as --master-key takes them, with commas' };
    },
  ),
  signingSecret: optionalText(
    {
      flag: 'signing-secret',
      placeholder: '<secret>',
      description: 'Signs webhooks when none is stored yet: whsec_ and base64',
      secret: true,
      dev: null,
      start: null,
    },
    /^whsec_(?=.{24,88}$)(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/,
    'whsec_ followed by 24 to 64 random bytes in base64',
  ),
};
