import * as z from 'zod'
import { type Address, address } from './contract.ts'

/** The longest public street line, in characters. */
const MAX_LINE = 200
const MAX_HOUSE_NUMBER = 20

/** An address as orders store it: street name and house number separate. The public form has one line. */
export const privateAddress = address.omit({ street: true }).extend({
  streetName: z.string().min(1).max(MAX_LINE),
  /** Absent if the line has none, or none that can be split from the name. */
  houseNumber: z.string().min(1).max(MAX_HOUSE_NUMBER).optional(),
})
export type PrivateAddress = z.infer<typeof privateAddress>

/** An address as a customer writes it: one line, with the house number in it or separate. */
export const addressInput = address
  .extend({ houseNumber: z.string().min(1).max(MAX_HOUSE_NUMBER).optional() })
  .strict()
  .refine((input) => formatStreet(input.street, input.houseNumber).length <= MAX_LINE, {
    path: ['houseNumber'],
    error: `street and house number together have more than ${MAX_LINE} characters`,
  })
type AddressInput = z.infer<typeof addressInput>

/** Converts a customer's address to the stored form. Splits a house number off the line. */
export function toPrivateAddress({ street, houseNumber, ...rest }: AddressInput): PrivateAddress {
  return { ...rest, ...(houseNumber === undefined ? splitStreet(street) : { streetName: street, houseNumber }) }
}

/** Converts a stored address to the public form. A line that was split is restored exactly. */
export function toPublicAddress({ streetName, houseNumber, ...rest }: PrivateAddress): Address {
  return { ...rest, street: formatStreet(streetName, houseNumber) }
}

/** Whether the input equals the stored address: the same parts, or the same line as it is shown. */
export function isSame(stored: PrivateAddress, input: AddressInput): boolean {
  return input.houseNumber === undefined
    ? address.keyof().options.every((field) => toPublicAddress(stored)[field] === input[field])
    : privateAddress.keyof().options.every((field) => stored[field] === toPrivateAddress(input)[field])
}

/**
 * A house number is the line's last word. It begins with a digit, and one space separates it from a name:
 * `Quay 1`, `Quay 1a`, `D 10 12` (number 12 of `D 10`). By this rule `Rue du 4 Septembre`, `12 Main Street`
 * and `Quay 1 bis` have none and stay whole. A number left in the line is better than a name cut in two.
 */
const LINE = new RegExp(`^(?<streetName>.*\\S) (?<houseNumber>\\d\\S{0,${MAX_HOUSE_NUMBER - 1}})$`, 's')

function splitStreet(line: string): Pick<PrivateAddress, 'streetName' | 'houseNumber'> {
  const { streetName, houseNumber } = LINE.exec(line)?.groups ?? {}
  return streetName === undefined || houseNumber === undefined ? { streetName: line } : { streetName, houseNumber }
}

function formatStreet(streetName: string, houseNumber: string | undefined): string {
  return houseNumber === undefined ? streetName : `${streetName} ${houseNumber}`
}
