//! DynamoDB as others have built it (`ministack`), as a process of its own, with the table in it or without.
//!
//! Here: starting it, making the table, and the questions that are asked of it. Not here: what is expected.
//! Invariant: each question is one query, whose answer is whole.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use serde_json::Value;

use crate::peer::Peer;

/// Name of the table.
pub(crate) const TABLE: &str = "plimsoll";

/// A running emulator.
pub(crate) struct Emulator {
    pub(crate) client: Client,
    peer: Peer,
}

impl Emulator {
    /// Starts one without a table.
    pub(crate) fn start() -> Self {
        let peer = Peer::start("ministack_dynamodb.py", &[]);
        Self { client: client(&format!("http://{}", peer.address())), peer }
    }

    /// Starts one with the table.
    pub(crate) async fn with_table() -> Self {
        let emulator = Self::start();
        emulator.create().await;
        emulator
    }

    pub(crate) fn address(&self) -> String {
        self.peer.address()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Makes the table as the documentation of the items has it.
    pub(crate) async fn create(&self) {
        let attribute = |name: &str, kind| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
        };
        let (text, number) = (ScalarAttributeType::S, ScalarAttributeType::N);
        let order = self.client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
        order
            .attribute_definitions(attribute("pk", text.clone()))
            .attribute_definitions(attribute("sk", text.clone()))
            .attribute_definitions(attribute("byState", text.clone()))
            .attribute_definitions(attribute("byLine", text))
            .attribute_definitions(attribute("timestamp", number))
            .set_key_schema(Some(key("pk", "sk")))
            .global_secondary_indexes(index("byState"))
            .global_secondary_indexes(index("byLine"))
            .send()
            .await
            .unwrap();
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build().unwrap();
        let expire = self.client.update_time_to_live().table_name(TABLE).time_to_live_specification(expiry);
        expire.send().await.unwrap();
    }

    /// Everything in the table; nothing where there is no table.
    pub(crate) async fn items(&self) -> Vec<Value> {
        let scan = self.client.scan().table_name(TABLE).consistent_read(true);
        let pages: Result<Vec<_>, _> = scan.into_paginator().items().send().collect().await;
        pages.unwrap_or_default().into_iter().map(json).collect()
    }

    /// The items whose sort key begins so.
    pub(crate) async fn items_of(&self, kind: &str) -> Vec<Value> {
        let all = self.items().await;
        all.into_iter().filter(|i| i["sk"].as_str().unwrap().starts_with(kind)).collect()
    }

    /// The events.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let all = self.items().await;
        all.into_iter().filter(|i| i["pk"].as_str().unwrap().starts_with("EV#")).collect()
    }

    /// The state of a machine now, of each rule.
    pub(crate) async fn states(&self, machine: &str) -> Vec<Value> {
        let query = self.client.query().key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
        ask(query, &[(":pk", format!("EQ#{machine}")), (":sk", "C#".into())]).await
    }

    /// The transitions of a machine between two times, both included.
    pub(crate) async fn transitions(&self, machine: &str, from: i64, to: i64) -> Vec<Value> {
        let query = self.client.query().key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to");
        let (from, to) = (format!("T#{from:013}"), format!("T#{:013}", to + 1));
        ask(query, &[(":pk", format!("EQ#{machine}")), (":from", from), (":to", to)]).await
    }

    /// What is wrong on a line now.
    pub(crate) async fn wrong_on(&self, site: &str, line: &str) -> Vec<Value> {
        let query = self.client.query().index_name("byLine").key_condition_expression("byLine = :line");
        ask(query, &[(":line", format!("LINE#{site}#{line}"))]).await
    }

    /// The machines of a line that are in one state of severity warning or above now.
    pub(crate) async fn in_state(&self, site: &str, line: &str, state: &str) -> Vec<Value> {
        let query = self.client.query().index_name("byState").key_condition_expression("byState = :state");
        ask(query, &[(":state", format!("STATE#{site}#{line}#{state}"))]).await
    }
}

/// A client that tries once.
pub(crate) fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"));
    Client::from_conf(config.build())
}

async fn ask(query: QueryFluentBuilder, values: &[(&str, String)]) -> Vec<Value> {
    let mut query = query.table_name(TABLE);
    for (name, value) in values {
        query = query.expression_attribute_values(*name, AttributeValue::S(value.clone()));
    }
    let answer = query.send().await.unwrap();
    assert_eq!(answer.last_evaluated_key(), None, "one query was not enough");
    answer.items.unwrap_or_default().into_iter().map(json).collect()
}

fn json(item: HashMap<String, AttributeValue>) -> Value {
    let value = |value| match value {
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(number) => serde_json::from_str(&number).unwrap(),
        AttributeValue::B(bytes) => bytes.into_inner().into(),
        other => panic!("{other:?}"),
    };
    item.into_iter().map(|(name, held)| (name, value(held))).collect()
}

fn key(partition: &str, sort: &str) -> Vec<KeySchemaElement> {
    let part =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    vec![part(partition, KeyType::Hash), part(sort, KeyType::Range)]
}

fn index(name: &str) -> GlobalSecondaryIndex {
    let all = Projection::builder().projection_type(ProjectionType::All).build();
    let index = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(key(name, "timestamp")));
    index.projection(all).build().unwrap()
}
