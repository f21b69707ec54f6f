import { app } from '@azure/functions'
import { postCommand } from '../../azure-functions/commands.ts'
import { http } from '../../azure-functions/http.ts'
import { compose } from '../../compose.ts'
import type { Service } from '../../core/service.ts'
import { notes } from './notes.ts'

/** Writes to ordering's log, since the local cloud has no other: a faulty service on real adapters. */
const noting: Service = { name: 'ordering', deciders: [notes], publishes: [], views: [], reactions: [] }

const offered = notes.commands.map(({ name }) => name)
const route = 'notes/{id}/{command}'
app.http('notes', http(route, { POST: postCommand(compose(noting), notes, offered) }))
