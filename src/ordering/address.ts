import * as z from 'zod'
import { type Address, address } from './contract.ts'

/** The longest line that others are told. */
const MAX_LINE = 200
const MAX_HOUSE_NUMBER = 20

/** An address as orders keep it: the street's name and the house number apart, which others are told in one line. */
export const privateAddress = address.omit({ street: true }).extend({
  streetName: z.string().min(1).max(MAX_LINE),
  /** Absent where the line has none, or none that can be told from the name. */
  houseNumber: z.string().min(1).max(MAX_HOUSE_NUMBER).optional(),
})
export type PrivateAddress = z.infer<typeof privateAddress>

/** An address as a customer writes it: the line, with the house number in it or apart. */
export const addressInput = address
  .extend({ houseNumber: z.string().min(1).max(MAX_HOUSE_NUMBER).optional() })
  .strict()
  .refine((input) => formatStreet(input.street, input.houseNumber).length <= MAX_LINE, {
    path: ['houseNumber'],
    error: `street and house number have more than ${MAX_LINE} characters`,
  })
type AddressInput = z.infer<typeof addressInput>

/** What is kept of an address: a house number that stands in the line is split off. */
export function toPrivateAddress({ street, houseNumber, ...rest }: AddressInput): PrivateAddress {
  return { ...rest, ...(houseNumber === undefined ? splitStreet(street) : { streetName: street, houseNumber }) }
}

/** What others are told of it: of an address that was written in one line that very line, to the letter. */
export function toPublicAddress({ streetName, houseNumber, ...rest }: PrivateAddress): Address {
  return { ...rest, street: formatStreet(streetName, houseNumber) }
}

/** Whether what a customer writes is what is kept already: in the same parts, or in the very line that he is shown. */
export function isSame(stored: PrivateAddress, input: AddressInput): boolean {
  return input.houseNumber === undefined
    ? address.keyof().options.every((field) => toPublicAddress(stored)[field] === input[field])
    : privateAddress.keyof().options.every((field) => stored[field] === toPrivateAddress(input)[field])
}

/**
 * A house number is the line's last word, where it begins with a digit, is not all there is, and one space
 * parts it from the name: `Quay 1`, `Quay 1a`, `D 10 12` (12 of `D 10`). `Rue du 4 Septembre`, `12 Main
 * Street` and `Quay 1 bis` have none by that rule and stay whole: a number that was not split off is a lesser
 * fault than a name that was cut.
 */
const LINE = new RegExp(`^(?<streetName>.*\\S) (?<houseNumber>\\d\\S{0,${MAX_HOUSE_NUMBER - 1}})$`, 's')

function splitStreet(line: string): Pick<PrivateAddress, 'streetName' | 'houseNumber'> {
  const { streetName, houseNumber } = LINE.exec(line)?.groups ?? {}
  return streetName === undefined || houseNumber === undefined ? { streetName: line } : { streetName, houseNumber }
}

function formatStreet(streetName: string, houseNumber: string | undefined): string {
  return houseNumber === undefined ? streetName : `${streetName} ${houseNumber}`
}
