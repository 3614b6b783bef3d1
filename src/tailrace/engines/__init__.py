"""What runs jobs: PostgreSQL itself, or an Apache Flink cluster."""
