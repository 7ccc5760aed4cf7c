/** What a client says of its device; kept with the refresh token. */
import { z } from 'zod';
import { instant } from './values.ts';

/** A device's name, description, type or address. */
const DEVICE_TEXT_MAX_CHARS = 512;
const deviceText = () => z.string().max(DEVICE_TEXT_MAX_CHARS).optional();
const forPeople = () => deviceText().meta({ description: 'For people.' });

export const metaDataSchema = z.strictObject({
  device: z
    .strictObject({
      name: forPeople(),
      description: forPeople(),
      type: forPeople(),
      lastAccessedAddress: deviceText().meta({
        description: 'Only where the address of the call is not known.',
      }),
      lastAccessedInstant: instant().optional().meta({
        description: 'Of an answer; has no effect: it is when the token was used.',
      }),
    })
    .prefault({}),
  scopes: z.array(z.string().max(DEVICE_TEXT_MAX_CHARS)).max(100).optional(),
});

export type MetaData = Readonly<z.output<typeof metaDataSchema>>;
