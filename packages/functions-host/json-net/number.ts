// How Json.NET reads and writes numbers.
// https://github.com/JamesNK/Newtonsoft.Json/blob/13.0.3/Src/Newtonsoft.Json/JsonTextReader.cs
// (ParseReadNumber)

import { JsonNetRefusal } from './refusal.ts'

const LONGEST_INTEGER = 380

/**
 * Rewrites a number as Json.NET does.
 * @param text has only characters that can occur in a number.
 * @throws JsonNetRefusal
 */
export function rewriteNumber(text: string): string {
  const refuse = (): JsonNetRefusal => new JsonNetRefusal(`${text} is not a number`)
  if (/^0[^.eE]/.test(text)) return rewriteOtherBase(text, refuse)
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text)
    if (BigInt.asIntN(64, value) !== value && text.length > LONGEST_INTEGER) throw refuse()
    return String(value)
  }
  if (!/^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) throw refuse()
  return writeDouble(Number(text))
}

/** A leading zero makes a number octal, `0x` hexadecimal. Both have 64 bits, of which the first is the sign. */
function rewriteOtherBase(text: string, refuse: () => JsonNetRefusal): string {
  const hexadecimal = /^0[xX][0-9a-fA-F]+$/.test(text)
  if (!hexadecimal && !/^0[0-7]+$/.test(text)) throw refuse()
  const value = BigInt(hexadecimal ? text.toLowerCase() : `0o${text}`)
  if (BigInt.asUintN(64, value) !== value) throw refuse()
  return String(BigInt.asIntN(64, value))
}

/** Writes the shortest digits that read back to the number, in .NET's layout. Infinity becomes a string. */
function writeDouble(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '"Infinity"' : '"-Infinity"'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const [mantissa = '', power = ''] = Math.abs(value).toExponential().split('e')
  const digits = mantissa.replace('.', '')
  const exponent = Number(power)
  if (exponent >= 17 || exponent < -4) {
    const [first, rest] = [digits.slice(0, 1), digits.slice(1)]
    const shown = String(Math.abs(exponent)).padStart(2, '0')
    return `${sign}${first}${rest === '' ? '' : `.${rest}`}E${exponent < 0 ? '-' : '+'}${shown}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`
}
