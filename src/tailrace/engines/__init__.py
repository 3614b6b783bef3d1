"""What runs jobs: PostgreSQL itself, or an Apache Flink cluster; ``base`` is what they promise.

Engines do not know each other, nor the catalogue: whatever must not be forgotten they write down
through the protocol ``base.Intents`` before they do it.
"""
