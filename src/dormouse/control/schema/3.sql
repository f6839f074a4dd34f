-- Words attached to branches, and the settings of endpoints. Those of projects are JSON, and grow without a column.

ALTER TABLE branches ADD COLUMN annotation TEXT NOT NULL DEFAULT '{}';

ALTER TABLE endpoints ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
