import type { VNode } from 'preact'
import { useId, useState } from 'preact/hooks'
import type { JsonSchema } from '../api/contract.ts'

interface FieldProps {
  readonly name: string
  readonly schema: JsonSchema
  readonly required: boolean
  /** Undefined if not given. */
  readonly value: unknown
  readonly onChange: (value: unknown) => void
}

type Properties = Readonly<Record<string, JsonSchema>>

/** The initial value of a form: the required fields, empty. */
export function blank(schema: JsonSchema): unknown {
  if ('default' in schema) return schema.default
  switch (schema.type) {
    case 'object': {
      const properties = (schema.properties ?? {}) as Properties
      const required = (schema.required ?? []) as readonly string[]
      return Object.fromEntries(required.map((name) => [name, blank(properties[name] ?? {})]))
    }
    case 'array':
      return Array.from({ length: Number(schema.minItems ?? 0) }, () => blank((schema.items ?? {}) as JsonSchema))
    case 'boolean':
      return false
    default:
      return undefined
  }
}

/** A field for a JSON Schema. The browser checks what it can; the service checks everything. */
export function SchemaField(props: FieldProps): VNode {
  const { schema } = props
  if (Array.isArray(schema.enum)) return <Choice {...props} values={schema.enum as readonly unknown[]} />
  switch (schema.type) {
    case 'object':
      return <ObjectField {...props} />
    case 'array':
      return <ArrayField {...props} />
    case 'boolean':
      return <Check {...props} />
    case 'string':
    case 'integer':
    case 'number':
      return <TextField {...props} />
    default:
      return <JsonField {...props} />
  }
}

function Choice({
  name,
  required,
  value,
  onChange,
  values,
}: FieldProps & { readonly values: readonly unknown[] }): VNode {
  const id = useId()
  return (
    <div class="field">
      <FieldLabel id={id} name={name} required={required} />
      <select
        id={id}
        required={required}
        value={value === undefined ? '' : String(values.indexOf(value))}
        onChange={({ currentTarget }) =>
          onChange(currentTarget.value === '' ? undefined : values[Number(currentTarget.value)])
        }
      >
        <option value="">{required ? 'choose' : 'not given'}</option>
        {values.map((each, index) => (
          <option key={String(each)} value={String(index)}>
            {String(each)}
          </option>
        ))}
      </select>
    </div>
  )
}

function Check({ name, value, onChange }: FieldProps): VNode {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={value === true}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />{' '}
      {name}
    </label>
  )
}

function TextField({ name, schema, required, value, onChange }: FieldProps): VNode {
  const id = useId()
  const isNumber = schema.type !== 'string'
  const given = (text: string): unknown => (text === '' ? undefined : isNumber ? Number(text) : text)
  const bound = (of: string): number | undefined => (typeof schema[of] === 'number' ? schema[of] : undefined)
  const shared = {
    id,
    required,
    value: value === undefined ? '' : String(value),
    onInput: ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => onChange(given(currentTarget.value)),
  }
  return (
    <div class="field">
      <FieldLabel id={id} name={name} required={required} />
      {isNumber ? (
        <input
          {...shared}
          type="number"
          min={bound('minimum')}
          max={bound('maximum')}
          step={schema.type === 'integer' ? 1 : 'any'}
        />
      ) : (
        <input
          {...shared}
          minLength={bound('minLength')}
          maxLength={bound('maxLength')}
          pattern={browserPattern(schema.pattern)}
          title={typeof schema.pattern === 'string' ? `must match ${schema.pattern}` : undefined}
        />
      )}
    </div>
  )
}

/** A browser compiles patterns with the flag `v`. A pattern that fails there is left to the service. */
function browserPattern(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string') return undefined
  try {
    new RegExp(pattern, 'v')
    return pattern
  } catch {
    return undefined
  }
}

function ObjectField({ name, schema, required, value, onChange }: FieldProps): VNode {
  const properties = (schema.properties ?? {}) as Properties
  const needed = (schema.required ?? []) as readonly string[]
  const given = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  const set = (key: string, next: unknown): void => {
    const { [key]: _, ...others } = given ?? {}
    onChange(next === undefined ? others : { ...others, [key]: next })
  }
  return (
    <fieldset>
      {name !== '' && (
        <legend>
          {required ? (
            name
          ) : (
            <label class="check">
              <input
                type="checkbox"
                checked={given !== undefined}
                onChange={({ currentTarget }) => onChange(currentTarget.checked ? blank(schema) : undefined)}
              />{' '}
              {name}
            </label>
          )}
        </legend>
      )}
      {given !== undefined && (
        <div class="fields">
          {Object.entries(properties).map(([key, each]) => (
            <SchemaField
              key={key}
              name={key}
              schema={each}
              required={needed.includes(key)}
              value={given[key]}
              onChange={(next) => set(key, next)}
            />
          ))}
        </div>
      )}
    </fieldset>
  )
}

function ArrayField({ name, schema, value, onChange }: FieldProps): VNode {
  const items = (schema.items ?? {}) as JsonSchema
  const given = Array.isArray(value) ? (value as readonly unknown[]) : []
  return (
    <fieldset>
      <legend>{name}</legend>
      {given.map((each, index) => (
        <div key={index} class="array-item">
          <SchemaField
            name={`${name} ${index + 1}`}
            schema={items}
            required
            value={each}
            onChange={(next) => onChange(given.with(index, next))}
          />
          <button
            type="button"
            onClick={() => onChange(given.toSpliced(index, 1))}
            aria-label={`Remove ${name} ${index + 1}`}
            disabled={given.length <= Number(schema.minItems ?? 0)}
          >
            Remove
          </button>
        </div>
      ))}
      <button
        type="button"
        onClick={() => onChange([...given, blank(items)])}
        disabled={given.length >= Number(schema.maxItems ?? Infinity)}
      >
        Add to {name}
      </button>
    </fieldset>
  )
}

/** For a schema without a single type. */
function JsonField({ name, required, value, onChange }: FieldProps): VNode {
  const id = useId()
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value, null, 2))
  return (
    <div class="field">
      <FieldLabel id={id} name={`${name}, as JSON`} required={required} />
      <textarea
        id={id}
        rows={3}
        required={required}
        value={text}
        onInput={({ currentTarget }) => {
          const { value: typed } = currentTarget
          setText(typed)
          try {
            onChange(typed === '' ? undefined : JSON.parse(typed))
            currentTarget.setCustomValidity('')
          } catch {
            currentTarget.setCustomValidity('This is not JSON.')
          }
        }}
      />
    </div>
  )
}

function FieldLabel({
  id,
  name,
  required,
}: {
  readonly id: string
  readonly name: string
  readonly required: boolean
}): VNode {
  return (
    <label for={id}>
      {name}
      {!required && <span class="muted"> (optional)</span>}
    </label>
  )
}
