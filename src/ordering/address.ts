import { personal } from 'tidemark'
import * as z from 'zod'
import { type Address, address, addressV1, addressV2, NO_POSTAL_CODE } from './contract.ts'
import { hasPostalCodes } from './postal-codes.ts'

/** The longest public street line, in characters. */
const MAX_LINE = 200
const MAX_HOUSE_NUMBER = 20

export const privateAddressV1 = addressV1.omit({ street: true }).extend({
  streetName: z.string().min(1).max(MAX_LINE),
  /** Absent if the line has none, or none that can be split from the name. */
  houseNumber: z.string().min(1).max(MAX_HOUSE_NUMBER).optional(),
})

/** Absent only where the country has none. */
const postalCode = address.shape.postalCode.exactOptional()

export const privateAddressV2 = privateAddressV1.extend({ postalCode, region: addressV2.shape.region })

/**
 * An address as orders store it: street name and house number separate, and encrypted as the name is. The
 * public form has one line.
 */
export const privateAddress = privateAddressV2.extend({
  name: address.shape.name,
  streetName: personal(privateAddressV1.shape.streetName, { forgotten: 'forgotten' }),
  houseNumber: personal(z.string().min(1).max(MAX_HOUSE_NUMBER), { forgotten: '-' }).optional(),
})
export type PrivateAddress = z.infer<typeof privateAddress>

/** An address as a customer writes it: one line, with the house number in it or separate. */
export const addressInput = address
  .extend({ postalCode, houseNumber: privateAddress.shape.houseNumber })
  .strict()
  .refine((input) => input.postalCode !== undefined || !hasPostalCodes(input.country), {
    path: ['postalCode'],
    error: 'is missing, and the country has postal codes',
  })
  .refine((input) => formatStreet(input.street, input.houseNumber).length <= MAX_LINE, {
    path: ['houseNumber'],
    error: `street and house number together have more than ${MAX_LINE} characters`,
  })
type AddressInput = z.infer<typeof addressInput>
type Street = Pick<PrivateAddress, 'streetName' | 'houseNumber'>

/** Converts a customer's address to the stored form. Splits a house number off the line. */
export function toPrivateAddress<Input extends AddressInput>({
  street,
  houseNumber,
  ...rest
}: Input): Omit<Input, 'street' | 'houseNumber'> & Street {
  return { ...rest, ...(houseNumber === undefined ? splitStreet(street) : { streetName: street, houseNumber }) }
}

/** Converts a stored address to the public form. A line that was split is restored exactly. */
export function toPublicAddress({ streetName, houseNumber, ...rest }: PrivateAddress): Address {
  return { postalCode: NO_POSTAL_CODE, ...rest, street: formatStreet(streetName, houseNumber) }
}

/** Whether the input equals the stored address: the same parts, or the same line as it is shown. */
export function isSame(stored: PrivateAddress, input: AddressInput): boolean {
  const shown = { postalCode: NO_POSTAL_CODE, ...input }
  return input.houseNumber === undefined
    ? address.keyof().options.every((field) => toPublicAddress(stored)[field] === shown[field])
    : privateAddress.keyof().options.every((field) => stored[field] === toPrivateAddress(input)[field])
}

/**
 * A house number is the line's last word. It begins with a digit, and one space separates it from a name:
 * `Quay 1`, `Quay 1a`, `D 10 12` (number 12 of `D 10`). By this rule `Rue du 4 Septembre`, `12 Main Street`
 * and `Quay 1 bis` have none and stay whole. A number left in the line is better than a name cut in two.
 */
const LINE = new RegExp(`^(?<streetName>.*\\S) (?<houseNumber>\\d\\S{0,${MAX_HOUSE_NUMBER - 1}})$`, 's')

function splitStreet(line: string): Street {
  const { streetName, houseNumber } = LINE.exec(line)?.groups ?? {}
  return streetName === undefined || houseNumber === undefined ? { streetName: line } : { streetName, houseNumber }
}

function formatStreet(streetName: string, houseNumber: string | undefined): string {
  return houseNumber === undefined ? streetName : `${streetName} ${houseNumber}`
}
