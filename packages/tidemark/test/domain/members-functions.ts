import { app } from '@azure/functions'
import { postCommand } from '../../azure-functions/commands.ts'
import { http } from '../../azure-functions/http.ts'
import { compose } from '../../compose.ts'
import type { Service } from '../../core/service.ts'
import { library, members } from './members.ts'

/** Uses ordering's database, since the local cloud has no other: personal data on real adapters. */
const membership: Service = { ...library, name: 'ordering', views: [], reactions: [], personal: {} }

const offered = members.commands.map(({ name }) => name)
app.http('members', http('members/{id}/{command}', { POST: postCommand(compose(membership), members, offered) }))
