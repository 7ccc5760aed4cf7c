/** What a client says of its device; kept with the refresh token. */
import { z } from 'zod';
import { instant } from './values.ts';

/** A device's name, description, type or address. */
const DEVICE_TEXT_MAX_CHARS = 512;
const deviceText = () => z.string().max(DEVICE_TEXT_MAX_CHARS).optional();

export const metaDataSchema = z.strictObject({
  device: z
    .strictObject({
      name: deviceText(),
      description: deviceText(),
      type: deviceText(),
      lastAccessedAddress: deviceText(),
      lastAccessedInstant: instant().optional(),
    })
    .prefault({}),
  scopes: z.array(z.string().max(DEVICE_TEXT_MAX_CHARS)).max(100).optional(),
});

export type MetaData = Readonly<z.output<typeof metaDataSchema>>;
