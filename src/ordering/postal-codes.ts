/**
 * Countries without postal codes, ISO 3166-1 alpha-2. From a copy of 2024 of Google's address metadata
 * (https://github.com/google/libaddressinput): their address format has no postal code. Countries that
 * https://www.geopostcodes.com/blog/countries-without-zip-codes does not list as well are left out. It was not
 * compared with the Universal Postal Union.
 */
const WITHOUT_POSTAL_CODES = new Set(
  [
    'AE AG AO AW BI BJ BO BS BW BZ CF CG CI CK CM CW DJ DM ER FJ GA GD GM GQ GY HK JM KM KN',
    'MO MR PA QA RW SB SC SL SR SS ST SX SY TD TG TK TL TO TV VU YE ZW',
  ].flatMap((line) => line.split(' ')),
)

/** Whether addresses in a country have a postal code. True also for what is no country. */
export function hasPostalCodes(country: string): boolean {
  return !WITHOUT_POSTAL_CODES.has(country)
}
