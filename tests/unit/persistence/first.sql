BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE cursors (
	name VARCHAR(200) NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_cursors PRIMARY KEY (name)
);
CREATE TABLE deliveries (
	delivery_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	job_id INTEGER NOT NULL, 
	destination VARCHAR(200) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	objects JSON NOT NULL, 
	next_attempt_at DATETIME NOT NULL, 
	delivered_at DATETIME, 
	error TEXT NOT NULL, 
	CONSTRAINT fk_deliveries_job_id FOREIGN KEY(job_id) REFERENCES jobs (job_id)
);
CREATE TABLE incidents (
	incident_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	origin JSON NOT NULL, 
	sop_instance_uid VARCHAR(64) NOT NULL, 
	study_instance_uid VARCHAR(64) NOT NULL, 
	occurred_at DATETIME NOT NULL
);
CREATE TABLE instances (
	sop_instance_uid VARCHAR(64) NOT NULL, 
	series_instance_uid VARCHAR(64) NOT NULL, 
	study_instance_uid VARCHAR(64) NOT NULL, 
	sop_class_uid VARCHAR(64) NOT NULL, 
	transfer_syntax_uid VARCHAR(64) NOT NULL, 
	series_number BIGINT, 
	instance_number BIGINT, 
	attributes JSON NOT NULL, 
	origin JSON NOT NULL, 
	"key" TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	size BIGINT NOT NULL, 
	received_at DATETIME NOT NULL, 
	CONSTRAINT pk_instances PRIMARY KEY (sop_instance_uid), 
	CONSTRAINT fk_instances_study_instance_uid FOREIGN KEY(study_instance_uid) REFERENCES studies (study_instance_uid)
);
INSERT INTO "instances" VALUES('1.1','1.2.3.1','1.2.3','1.2.840.10008.5.1.4.1.1.1','1.2.840.10008.1.2.1',NULL,NULL,'{"patient_id": "", "patient_name": "Doe^Jan\u00e9", "patient_birth_date": "", "patient_sex": "", "patient_age_years": null, "accession_number": "", "study_id": "", "study_date": "", "study_time": "", "study_description": "", "series_description": "", "series_number": null, "modality": "DX", "body_part": "", "view": "", "manufacturer": "", "instance_number": null, "rows": 0, "columns": 0, "frames": 1, "has_pixels": false, "made_by_wetread": false}','{"source": "dimse", "calling_ae": "MODALITY", "called_ae": "WETREAD", "priority": 1}','studies/1.2.3/1.1.dcm','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1234,'2026-01-02 03:04:05.678901');
CREATE TABLE jobs (
	job_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	study_instance_uid VARCHAR(64) NOT NULL, 
	revision INTEGER NOT NULL, 
	model_name VARCHAR(200) NOT NULL, 
	model_version VARCHAR(200) NOT NULL, 
	rule TEXT NOT NULL, 
	priority INTEGER NOT NULL, 
	instances JSON NOT NULL, 
	why TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	fence BIGINT NOT NULL, 
	worker VARCHAR(200) NOT NULL, 
	enqueued_at DATETIME NOT NULL, 
	due_at DATETIME NOT NULL, 
	started_at DATETIME, 
	finished_at DATETIME, 
	error TEXT NOT NULL, 
	CONSTRAINT fk_jobs_study_instance_uid FOREIGN KEY(study_instance_uid) REFERENCES studies (study_instance_uid), 
	CONSTRAINT uq_jobs_study_instance_uid_revision_model_name UNIQUE (study_instance_uid, revision, model_name)
);
CREATE TABLE result_objects (
	result_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	sop_class_uid VARCHAR(64) NOT NULL, 
	sop_instance_uid VARCHAR(64) NOT NULL, 
	series_instance_uid VARCHAR(64) NOT NULL, 
	study_instance_uid VARCHAR(64) NOT NULL, 
	"key" TEXT NOT NULL, 
	CONSTRAINT pk_result_objects PRIMARY KEY (result_id, position), 
	CONSTRAINT fk_result_objects_result_id FOREIGN KEY(result_id) REFERENCES results (result_id)
);
CREATE TABLE results (
	result_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	job_id INTEGER NOT NULL, 
	study_instance_uid VARCHAR(64) NOT NULL, 
	revision INTEGER NOT NULL, 
	model_name VARCHAR(200) NOT NULL, 
	model_version VARCHAR(200) NOT NULL, 
	outcome VARCHAR(16) NOT NULL, 
	findings JSON NOT NULL, 
	refusals JSON NOT NULL, 
	produced_at DATETIME NOT NULL, 
	seconds FLOAT NOT NULL, 
	failed BOOLEAN NOT NULL, 
	CONSTRAINT fk_results_job_id FOREIGN KEY(job_id) REFERENCES jobs (job_id), 
	CONSTRAINT uq_results_job_id UNIQUE (job_id)
);
CREATE TABLE revisions (
	study_instance_uid VARCHAR(64) NOT NULL, 
	revision INTEGER NOT NULL, 
	instances INTEGER NOT NULL, 
	closed_at DATETIME NOT NULL, 
	CONSTRAINT pk_revisions PRIMARY KEY (study_instance_uid, revision), 
	CONSTRAINT fk_revisions_study_instance_uid FOREIGN KEY(study_instance_uid) REFERENCES studies (study_instance_uid)
);
CREATE TABLE studies (
	study_instance_uid VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	revision INTEGER NOT NULL, 
	instances INTEGER NOT NULL, 
	priority INTEGER NOT NULL, 
	received_at DATETIME NOT NULL, 
	quiet_until DATETIME NOT NULL, 
	attributes JSON NOT NULL, 
	CONSTRAINT pk_studies PRIMARY KEY (study_instance_uid)
);
INSERT INTO "studies" VALUES('1.2.3','receiving',0,1,1,'2026-01-02 03:04:05.678901','2026-01-02 03:04:15.678901','{"patient_id": "", "patient_name": "Doe^Jan\u00e9", "patient_birth_date": "", "patient_sex": "", "patient_age_years": null, "accession_number": "", "study_id": "", "study_date": "", "study_time": "", "study_description": "", "series_description": "", "series_number": null, "modality": "DX", "body_part": "", "view": "", "manufacturer": "", "instance_number": null, "rows": 0, "columns": 0, "frames": 1, "has_pixels": false, "made_by_wetread": false}');
CREATE INDEX ix_studies_received_at ON studies (received_at);
CREATE INDEX ix_studies_state_quiet_until ON studies (state, quiet_until);
CREATE INDEX ix_instances_study_instance_uid ON instances (study_instance_uid);
CREATE INDEX ix_jobs_state_due_at ON jobs (state, due_at);
CREATE INDEX ix_deliveries_job_id ON deliveries (job_id);
CREATE INDEX ix_deliveries_state_next_attempt_at ON deliveries (state, next_attempt_at);
CREATE INDEX ix_results_study_instance_uid_model_name_revision ON results (study_instance_uid, model_name, revision);
CREATE INDEX ix_result_objects_sop_instance_uid ON result_objects (sop_instance_uid);
COMMIT;
