import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'

interface Asked {
  readonly title: string
  readonly cancel: () => void
  readonly children: ComponentChildren
}

/** The browser's own dialog: it traps the focus, restores it, and closes on Escape. */
function Dialog({ title, cancel, children }: Asked): VNode {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={cancel}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}

/** @param choices the possible actions; the last one is the default. */
export function Confirm({
  title,
  cancel,
  choices,
  children,
}: Asked & { readonly choices: readonly { readonly title: string; readonly choose: () => void }[] }): VNode {
  return (
    <Dialog title={title} cancel={cancel}>
      <p>{children}</p>
      <div class="tools dialog-tools">
        <button type="button" onClick={cancel}>
          Cancel
        </button>
        {choices.map((each, index) => (
          <button
            key={each.title}
            type="button"
            class={index === choices.length - 1 ? 'primary' : ''}
            onClick={each.choose}
          >
            {each.title}
          </button>
        ))}
      </div>
    </Dialog>
  )
}

/** Asks for the reason of an action that cannot be undone. The reason is recorded. */
export function AskReason({
  title,
  action,
  cancel,
  confirm,
  children,
}: Asked & { readonly action: string; readonly confirm: (reason: string) => void }): VNode {
  const [reason, setReason] = useState('')
  const id = useId()
  return (
    <Dialog title={title} cancel={cancel}>
      <p>{children}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (reason.trim() !== '') confirm(reason.trim())
        }}
      >
        <label class="field" for={id}>
          Reason, which is recorded
        </label>
        <textarea
          id={id}
          required
          rows={3}
          maxLength={500}
          value={reason}
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
        <div class="tools dialog-tools">
          <button type="button" onClick={cancel}>
            Cancel
          </button>
          <button type="submit" class="danger" disabled={reason.trim() === ''}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
