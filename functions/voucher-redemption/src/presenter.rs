//! Who presents a voucher: a personal one is taken for its holder only.

use domain::card::CardNumber;
use domain::id::{LookupKey, PartyId};
use domain::location::LocationKind;
use domain::secret::Secret;
use domain::voucher::{Presenter, Voucher};
use http_edge::Problem;
use store::db::Read;
use store::{Site, card, relationship};

use crate::App;
use crate::call::Call;
use crate::fields::Fields;

/// What a body says of who presents the voucher.
pub(crate) enum Presented {
    Unsaid,
    Card(LookupKey),
    Party(PartyId),
}

impl App {
    /// Reads who presents the voucher. A branch has cards; who has signed in is a shop's to say.
    pub(crate) fn presented(
        &self,
        call: &Call<'_>,
        fields: &mut Fields,
        (card, party): (Option<&Secret>, Option<&str>),
    ) -> Presented {
        let number = card.and_then(|card| fields.read_as::<CardNumber>("/card", "card_malformed", card.as_str()));
        let party_id: Option<PartyId> = party.and_then(|text| fields.read("/party_id", text));
        if party.is_some() && card.is_some() {
            fields.add("/party_id", "not_applicable", "name a card or a party, not both");
        } else if party.is_some() && call.location.kind != LocationKind::Shop {
            let detail = "only a shop says who has signed in: at a branch the card is presented";
            fields.add("/party_id", "not_applicable", detail);
        }
        match (number, party_id) {
            (Some(number), _) => Presented::Card(card::lookup_key(self.pepper.bytes(), &number)),
            (None, Some(party)) => Presented::Party(party),
            (None, None) => Presented::Unsaid,
        }
    }

    /// Says on the occasion who presents a personal voucher; about others nobody is asked. A card stands for the customer whose
    /// vouchers the cash desk shows with it. One that does not exist is counted against the terminal, and answered as that of
    /// another customer: nobody learns here which cards there are.
    pub(crate) async fn present(
        &self,
        call: &mut Call<'_>,
        presented: Presented,
        voucher: &Voucher,
    ) -> Result<(), Problem> {
        if !voucher.is_personal() {
            return Ok(());
        }
        call.occasion.presenter = match presented {
            Presented::Unsaid => Presenter::Unsaid,
            Presented::Party(party) => Presenter::Party(party),
            Presented::Card(lookup) => self.holder(call, &lookup).await?,
        };
        Ok(())
    }

    async fn holder(&self, call: &Call<'_>, lookup: &LookupKey) -> Result<Presenter, Problem> {
        let (site, tenant) = (Site::RedeemCard, &call.caller.tenant);
        let Some(record) = card::read(&self.db, site, tenant, lookup, Read::Strong).await? else {
            self.guard.note(&self.db, &call.terminal(), call.occasion.now).await?;
            return Ok(Presenter::Stranger);
        };
        let owner = relationship::points_owner(&self.db, site, tenant, &record.d, call.today()).await?;
        Ok(owner.map_or(Presenter::Stranger, Presenter::Party))
    }
}
